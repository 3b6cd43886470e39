#include "nn/safetensors.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <fstream>

#include "base/error.h"

namespace rle {
namespace {
namespace fs = std::filesystem;

class Safetensors : public testing::Test {
 protected:
  void SetUp() override {
    const std::string test = testing::UnitTest::GetInstance()->current_test_info()->name();
    folder_ = fs::path(testing::TempDir()) / ("rle_safetensors_" + test + "_" + std::to_string(getpid()));
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    path_ = folder_ / "model.safetensors";
  }
  void TearDown() override { fs::remove_all(folder_); }

  void write_raw(const std::string& bytes) { std::ofstream(path_, std::ios::binary) << bytes; }
  void write_header(const std::string& header, const std::string& data = "") {
    std::string length(8, '\0');
    for (size_t i = 0; i < 8; ++i) length[i] = static_cast<char>(header.size() >> (8 * i));
    write_raw(length + header + data);
  }
  std::string read_raw() {
    std::ifstream in(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  // Reading must fail with kIo, name the file and contain `part`.
  void expect_refused(const std::string& part) {
    try {
      read_safetensors(path_);
      FAIL() << "expected an error with: " << part;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kIo);
      EXPECT_NE(std::string(error.what()).find(path_.string()), std::string::npos) << error.what();
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    }
  }
  size_t files_in_folder() {
    return static_cast<size_t>(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }

  fs::path folder_, path_;
};

NamedTensor floats(const std::string& name, std::vector<int64_t> shape, const std::vector<float>& values) {
  NamedTensor tensor{name, TensorDtype::kF32, std::move(shape), std::vector<uint8_t>(values.size() * 4)};
  if (!values.empty()) std::memcpy(tensor.bytes.data(), values.data(), tensor.bytes.size());
  return tensor;
}

SafetensorsFile example() {
  SafetensorsFile file;
  file.metadata = {{"format", "x"}, {"unicode", "Räikkönen"}};
  file.tensors.push_back(floats("b", {2, 1}, {1.5f, -2.0f}));
  file.tensors.push_back({"vocabulary", TensorDtype::kU8, {3}, {'a', 'b', 'c'}});
  file.tensors.push_back(floats("empty", {0, 4}, {}));
  file.tensors.push_back({"offsets", TensorDtype::kI64, {1}, {1, 0, 0, 0, 0, 0, 0, 0}});
  return file;
}

TEST_F(Safetensors, RoundTrip) {
  write_safetensors(path_, example());
  const SafetensorsFile back = read_safetensors(path_);
  EXPECT_EQ(back.metadata, example().metadata);
  ASSERT_EQ(back.tensors.size(), 4u);
  for (const NamedTensor& tensor : example().tensors) {
    const NamedTensor* found = back.find(tensor.name);
    ASSERT_NE(found, nullptr) << tensor.name;
    EXPECT_EQ(found->dtype, tensor.dtype);
    EXPECT_EQ(found->shape, tensor.shape);
    EXPECT_EQ(found->bytes, tensor.bytes);
  }
  EXPECT_EQ(back.find("nothing"), nullptr);
  EXPECT_EQ(files_in_folder(), 1u);
}

TEST_F(Safetensors, LiteralBytes) {
  SafetensorsFile file;
  file.tensors.push_back(floats("w", {1}, {1.0f}));
  write_safetensors(path_, file);
  std::string header = R"({"w":{"data_offsets":[0,4],"dtype":"F32","shape":[1]}})";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  std::string expected(8, '\0');
  expected[0] = static_cast<char>(header.size());
  expected += header + std::string("\0\0\x80\x3f", 4);
  EXPECT_EQ(read_raw(), expected);
}

TEST_F(Safetensors, OrderOfTensorsDoesNotMatter) {
  write_safetensors(path_, example());
  const std::string bytes = read_raw();
  SafetensorsFile reversed = example();
  std::reverse(reversed.tensors.begin(), reversed.tensors.end());
  write_safetensors(path_, reversed);
  EXPECT_EQ(read_raw(), bytes);
}

TEST_F(Safetensors, EveryTruncationIsRefused) {
  write_safetensors(path_, example());
  const std::string bytes = read_raw();
  for (size_t size = 0; size < bytes.size(); ++size) {
    write_raw(bytes.substr(0, size));
    EXPECT_THROW(read_safetensors(path_), Error) << size;
  }
  write_raw(bytes + "x");
  expect_refused("unused bytes after its last tensor");
}

TEST_F(Safetensors, AFlippedByteNeverReadsOutsideOrCrashes) {
  write_safetensors(path_, example());
  const std::string bytes = read_raw();
  for (size_t i = 0; i < bytes.size(); ++i) {
    for (const char flip : {'\x01', '\x40', '\xff'}) {
      std::string changed = bytes;
      changed[i] = static_cast<char>(changed[i] ^ flip);
      write_raw(changed);
      try {
        for (const NamedTensor& tensor : read_safetensors(path_).tensors)
          EXPECT_LE(tensor.bytes.size(), bytes.size());
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::kIo);
      }
    }
  }
}

TEST_F(Safetensors, HeadersThatLie) {
  write_raw(std::string(7, '\0'));
  expect_refused("it has 7 bytes");
  write_raw(std::string(8, '\xff') + "{}");
  expect_refused("its header should have 18446744073709551615 bytes, the file has 10");
  write_header("[1]");
  expect_refused("not a JSON object");
  write_header("{\"a\":");
  expect_refused("not JSON");
  write_header("{\"\xff\xfe\":1}");
  expect_refused("not JSON");
  write_header(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", "1234");
  expect_refused("tensor 'a' has 4 bytes, its shape [2] needs 8");
  write_header(R"({"a":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}})", "1234");
  expect_refused("dtype \"F16\"");
  write_header(R"({"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}})");
  expect_refused("the shape of tensor 'a' is");
  write_header(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", "1234");
  expect_refused("the shape of tensor 'a' is");
  write_header(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", "1234");
  expect_refused("data_offsets of tensor 'a'");
  write_header(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,18446744073709551615]}})", "1234");
  expect_refused("data_offsets of tensor 'a'");
  write_header(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}})", "1234");
  expect_refused("is the file truncated");
  write_header(
      R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
      "1234");
  expect_refused("overlaps");
  write_header(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", "12345678");
  expect_refused("4 unused bytes before tensor 'a'");
  write_header(
      R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
      "1");
  expect_refused("names 'a' twice");
  write_header(R"({"__metadata__":{"k":1}})");
  expect_refused("metadata 'k' is not a string");
  write_header(R"({"a":{"dtype":"U8","shape":[0]}})");
  expect_refused("the entry of tensor 'a'");
}

TEST_F(Safetensors, DeepNestingIsRefused) {
  write_header(std::string(200000, '['));
  expect_refused("not JSON");
}

TEST_F(Safetensors, MissingFileAndFolder) {
  expect_refused("No such file");
  path_ = folder_;
  expect_refused("not a file");
  EXPECT_THROW(write_safetensors(folder_ / "absent" / "model.safetensors", example()), Error);
}

TEST_F(Safetensors, AFailedWriteLeavesTheOldFile) {
  write_safetensors(path_, example());
  const std::string before = read_raw();
  SafetensorsFile large;
  large.tensors.push_back(floats("w", {100000}, std::vector<float>(100000, 1.0f)));

  // A limit on file size stands for a full disk.
  rlimit old{}, small{};
  getrlimit(RLIMIT_FSIZE, &old);
  small = old;
  small.rlim_cur = 50000;
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &small);
  std::string message;
  try {
    write_safetensors(path_, large);
  } catch (const Error& error) {
    message = error.what();
    EXPECT_EQ(error.code(), ErrorCode::kIo);
  }
  setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, handler);

  EXPECT_NE(message.find("cannot write '" + path_.string() + "'"), std::string::npos) << message;
  EXPECT_EQ(read_raw(), before);
  EXPECT_EQ(files_in_folder(), 1u);
}

TEST_F(Safetensors, WritingChecksShapesAndText) {
  SafetensorsFile file;
  file.tensors.push_back(floats("w", {3}, {1, 2}));
  EXPECT_THROW(write_safetensors(path_, file), Error);
  SafetensorsFile text;
  text.metadata["k"] = "\xff";
  EXPECT_THROW(write_safetensors(path_, text), Error);
  EXPECT_EQ(files_in_folder(), 0u);
}

}  // namespace
}  // namespace rle
