#include "table/content_checksum.h"

#include "base/checksum.h"

namespace rle {
namespace {

void add_column(const Column& column, Checksum& checksum) {
  checksum.add(column.name);
  checksum.add(to_string(column.type));
  checksum.add(column.arrow_format);
  checksum.add(column.rows);
  checksum.add(column.valid);
  checksum.add(column.ints);
  checksum.add(column.floats);
  checksum.add(column.codes);
  checksum.add(column.floats32);
  checksum.add(column.offsets);
  const int64_t strings = column.strings ? column.strings->size() : 0;
  checksum.add(strings);
  for (int64_t i = 0; i < strings; ++i) checksum.add(column.strings->at(i));
}

}  // namespace

std::string content_checksum(const Table& table) {
  Checksum checksum;
  checksum.add(table.rows);
  for (const Column& column : table.columns) add_column(column, checksum);
  return checksum.text();
}

}  // namespace rle
