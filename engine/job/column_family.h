// What keys and times can be made of, read off a source's column before its rows are.
#pragma once

#include <optional>

#include "ingest/source.h"

namespace rle {

enum class ColumnFamily { kInteger, kFloat, kBoolean, kText, kDate, kTimeOfDay, kList, kOther };

ColumnFamily family_of(const SourceColumn& column);

// The type its values are read as; nullopt where rows decide (lists, columns without a single value).
std::optional<PhysicalType> physical_type_of(ColumnFamily family);

// Dates, timestamps and times of day.
bool is_time(ColumnFamily family);

}  // namespace rle
