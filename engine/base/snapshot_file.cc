#include "base/snapshot_file.h"

#include <cinttypes>
#include <cstdio>
#include <cstring>

#include "base/checksum.h"
#include "base/error.h"

namespace rle {
namespace {
namespace fs = std::filesystem;

constexpr uint64_t kAlignment = 64;

fs::path with_ending(const fs::path& name, const char* ending) { return name.string() + ending; }

std::string first_line() { return fmt::format("rle snapshot {}\n", kSnapshotFormat); }

uint64_t checksum_of_bytes(const void* data, size_t bytes) {
  Checksum sum;
  sum.update(data, bytes);
  return sum.value();
}

}  // namespace

SnapshotWriter::SnapshotWriter(const fs::path& name) : name_(name), data_(with_ending(name, ".data")) {}

void SnapshotWriter::write(const void* data, size_t bytes) {
  data_.write(data, bytes);
  offset_ += bytes;
}

void SnapshotWriter::add_block(const void* data, size_t bytes) {
  const char zeros[kAlignment] = {};
  write(zeros, (kAlignment - offset_ % kAlignment) % kAlignment);
  number(offset_);
  number(checksum_of_bytes(data, bytes));
  write(data, bytes);
}

void SnapshotWriter::commit(std::string_view what) {
  const uint64_t fields = offset_;
  write(fields_.data(), fields_.size());
  std::string text = fmt::format("{}of {}\ndata {} fields {} checksum {:016x}\n", first_line(), what, offset_,
                                 fields, checksum_of_bytes(fields_.data(), fields_.size()));
  text += fmt::format("manifest {:016x}\n", checksum_of_bytes(text.data(), text.size()));
  data_.commit();
  DurableFile manifest(with_ending(name_, ".manifest"));
  manifest.write(text.data(), text.size());
  manifest.commit();
}

void SnapshotReader::damaged(std::string_view what) const {
  fail(ErrorCode::kIo, "'{}': {}", with_ending(name_, ".data").string(), what);
}

bool SnapshotReader::open() {
  const fs::path path = with_ending(name_, ".manifest");
  const auto manifest = MappedFile::open(path);
  if (!manifest) return false;
  data_ = MappedFile::open(with_ending(name_, ".data"));
  if (!data_) {
    std::error_code ignored;
    if (!fs::exists(path, ignored)) return false;  // it is just being removed
    damaged("there is no such file");
  }
  read_manifest({reinterpret_cast<const char*>(manifest->data()), manifest->size()});
  return true;
}

void SnapshotReader::read_manifest(std::string_view text) {
  const size_t last = text.rfind("manifest ");
  const std::string copy(text);  // ends with a zero
  uint64_t own = 0, bytes = 0, fields = 0, checksum = 0;
  const size_t sizes = text.rfind("\ndata ");
  const bool whole =
      last != std::string_view::npos && sizes != std::string_view::npos && text.starts_with(first_line()) &&
      std::sscanf(copy.c_str() + last, "manifest %16" SCNx64, &own) == 1 &&
      text.size() == last + std::strlen("manifest ") + 17 && own == checksum_of_bytes(text.data(), last) &&
      std::sscanf(copy.c_str() + sizes, "\ndata %" SCNu64 " fields %" SCNu64 " checksum %" SCNx64, &bytes,
                  &fields, &checksum) == 3;
  if (!whole) damaged("its manifest is damaged");
  if (bytes != data_->size() || fields > bytes)
    damaged(fmt::format("{} bytes long instead of {}", data_->size(), bytes));
  fields_size_ = bytes - fields;
  fields_ = block(fields, fields_size_, checksum);
}

void SnapshotReader::take(void* to, size_t bytes) {
  if (bytes > fields_size_ - next_) damaged("its members do not fit");
  std::memcpy(to, fields_ + next_, bytes);
  next_ += bytes;
}

bool SnapshotReader::take_flag() {
  uint8_t flag = 0;
  number(flag);
  return flag != 0;
}

const std::byte* SnapshotReader::take_block(uint64_t bytes) {
  uint64_t offset = 0, checksum = 0;
  number(offset);
  number(checksum);
  if (offset % kAlignment != 0) damaged("an array is not aligned");
  return block(offset, bytes, checksum);
}

const std::byte* SnapshotReader::block(uint64_t offset, uint64_t bytes, uint64_t checksum) const {
  if (offset > data_->size() || bytes > data_->size() - offset) damaged("an array ends behind the file");
  const std::byte* data = data_->data() + offset;
  if (checksum_of_bytes(data, bytes) != checksum) damaged("a checksum does not fit");
  return data;
}

}  // namespace rle
