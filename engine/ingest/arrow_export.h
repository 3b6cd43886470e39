// A table as an Arrow stream: what a database's ingest takes.
#pragma once

#include <string>

#include "table/column.h"

struct ArrowArrayStream;

namespace rle::ingest {

// The Arrow format a column is written with: its own (integers, booleans, floats, decimals, dates, times,
// timestamps with unit and zone), or where that is empty or cannot carry the values: int64, float64,
// timestamp[us], string, list. A time that was read from text is text again.
std::string export_format(const Column& column);

// Fills `out` with a stream over `table`, in batches. Borrows the table, which must outlive the stream; `out`
// is owned by whoever consumes it (release). Not thread-safe.
void export_table(const Table& table, ArrowArrayStream* out);

}  // namespace rle::ingest
