// Whether what a driver sent holds together, asked once a batch, before any importer looks into it: counts
// and pointers that the type needs are there, rows fit in lengths, offsets rise and stay inside the child,
// indices inside the dictionary, string views inside their buffers. The Arrow C data interface declares no
// sizes of buffers: that a buffer is as long as the lengths and offsets say has to be believed.
#pragma once

#include <cstdint>

struct ArrowArray;
struct ArrowSchema;

namespace rle::ingest {

inline constexpr int64_t kMaxBatchRows = INT32_MAX;
inline constexpr int64_t kMaxArrayRows = int64_t{1} << 48;  // offset + length; of a list's items, too

// A record batch's schema: a struct whose fields have a name and a format each, lists and dictionaries
// theirs. DriverError names the column and what is wrong with it.
void check_schema(const ArrowSchema& schema);
// A batch of that schema; columns that are not is_readable are not looked at. DriverError as above.
void check_batch(const ArrowSchema& schema, const ArrowArray& batch);

}  // namespace rle::ingest
