// What keys and times can be made of, read off a source's column before its rows are.
#pragma once

#include "ingest/source.h"

namespace rle {

enum class ColumnFamily { kInteger, kFloat, kBoolean, kText, kDate, kTimeOfDay, kList, kOther };

ColumnFamily family_of(const SourceColumn& column);

// Dates, timestamps and times of day.
bool is_time(ColumnFamily family);

}  // namespace rle
