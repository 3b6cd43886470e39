#include "job/output_commit.h"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "base/error.h"
#include "base/file.h"

namespace rle {
namespace {
namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::string mark_of(const std::string& job, int64_t attempt) { return fmt::format("{}-{}", job, attempt); }

std::string comment_of(const std::string& job, int64_t attempt) {
  return fmt::format("gnn-rle job {} attempt {}", job, attempt);
}

// What a file stays known by when it gets another name; null where there is none.
Json identity_of(const fs::path& file) {
  struct stat found {};
  if (::stat(file.c_str(), &found) != 0) return nullptr;
  return {{"device", found.st_dev},
          {"inode", found.st_ino},
          {"bytes", found.st_size},
          {"modified_ns", found.st_mtim.tv_sec * 1'000'000'000 + found.st_mtim.tv_nsec}};
}

}  // namespace

void write_json_file(const fs::path& file, const Json& document) {
  DurableFile out(file);
  const std::string text = document.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
  out.write(text.data(), text.size());
  out.commit();
}

std::optional<Json> read_json_file(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return std::nullopt;
  std::ostringstream text;
  text << stream.rdbuf();
  Json out = Json::parse(text.str(), nullptr, false);
  if (out.is_discarded()) return std::nullopt;
  return out;
}

OutputCommit::OutputCommit(const JobRequest& request, KillPoint kill_point)
    : request_(request), kill_point_(std::move(kill_point)) {
  RLE_CHECK(request_.output.has_value());
}

std::optional<Json> OutputCommit::former_result() const {
  const std::optional<Json> intent = read_json_file(request_.job_folder / kIntentFile);
  if (!intent || intent->value("phase", "") != "commit") return std::nullopt;
  const OutputTarget& target = request_.output->target;
  const bool committed =
      target.kind == OutputTarget::Kind::kDuckdbTable
          ? table_comment(target) == comment_of(request_.job, intent->value("attempt", int64_t{0}))
          : intent->contains("file") && (*intent)["file"] == identity_of(target.file);
  if (!committed) return std::nullopt;
  return (*intent)["result"];
}

void OutputCommit::clear() const {
  const fs::path file = request_.job_folder / kIntentFile;
  const std::optional<Json> intent = read_json_file(file);
  std::error_code ignored;
  if (intent) {
    const int64_t attempt = intent->value("attempt", int64_t{0});
    const fs::path left = unfinished_file(request_.output->target, mark_of(request_.job, attempt));
    fs::remove(left, ignored);
    fs::remove(fs::path(left.string() + ".wal"), ignored);
  }
  fs::remove(file, ignored);
}

void OutputCommit::note(const Json& intent) const {
  write_json_file(request_.job_folder / kIntentFile, intent);
}

WriteOptions OutputCommit::begin(Json result) const {
  Json intent{{"attempt", request_.attempt},
              {"phase", "writing"},
              {"output", request_.output->target.display()},
              {"result", std::move(result)}};
  note(intent);
  WriteOptions options;
  options.replace = request_.options.overwrite;
  options.mark = mark_of(request_.job, request_.attempt);
  options.comment = comment_of(request_.job, request_.attempt);
  options.before_commit = [this, intent](const fs::path& file) mutable {
    intent["phase"] = "commit";
    intent["file"] = file.empty() ? Json(nullptr) : identity_of(file);
    note(intent);
    if (kill_point_) kill_point_("before-commit");
  };
  options.after_commit = [this] {
    if (kill_point_) kill_point_("after-commit");
  };
  return options;
}

}  // namespace rle
