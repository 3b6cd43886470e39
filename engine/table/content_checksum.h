// A checksum of what a table says: names, types and values of its columns, rows in their order.
#pragma once

#include <string>

#include "table/column.h"

namespace rle {

// 16 hexadecimal digits. Equal for equal content, whatever source it came from; of a table in canonical order
// it does not depend on the source's order of rows either (source_rows are left out).
std::string content_checksum(const Table& table);

}  // namespace rle
