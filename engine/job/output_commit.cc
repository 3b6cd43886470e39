#include "job/output_commit.h"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "job/job_outputs.h"

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
    : request_(request), kill_point_(std::move(kill_point)) {}

bool OutputCommit::is_committed(const Json& intent, const std::vector<OutputTarget>& targets) const {
  if (intent.value("phase", "") != "commit") return false;
  const auto attempt = intent.at("attempt").get<int64_t>();
  if (targets[0].kind == OutputTarget::Kind::kDuckdbTable)  // of one transaction
    return table_comment(targets[0]) == comment_of(request_.job, attempt);
  const Json files = intent.value("files", Json::array());
  std::vector<uint8_t> published;
  for (size_t i = 0; i < targets.size(); ++i) {
    const Json found = identity_of(targets[i].file);
    published.push_back(!found.is_null() && i < files.size() && found == files[i] ? 1 : 0);
  }
  return finish_write(targets, published, mark_of(request_.job, attempt), request_.options.overwrite);
}

std::optional<Json> OutputCommit::settle() const {
  const fs::path file = request_.job_folder / kIntentFile;
  const std::optional<Json> intent = read_json_file(file);
  std::error_code ignored;
  if (intent) {
    std::vector<OutputTarget> targets;
    for (const Json& output : intent->at("result").at("outputs")) targets.push_back(output_of_json(output));
    if (is_committed(*intent, targets)) return intent->at("result");
    for (const OutputTarget& target : targets) {
      const fs::path left = unfinished_file(target, mark_of(request_.job, intent->at("attempt")));
      fs::remove(left, ignored);
      fs::remove(fs::path(left.string() + ".wal"), ignored);
    }
  }
  fs::remove(file, ignored);
  return std::nullopt;
}

void OutputCommit::note(const Json& intent) const {
  write_json_file(request_.job_folder / kIntentFile, intent);
}

WriteOptions OutputCommit::begin(Json result) const {
  Json intent{{"attempt", request_.attempt}, {"phase", "writing"}, {"result", std::move(result)}};
  note(intent);
  const auto kill_at = [this](const char* place) {
    return [this, place] {
      if (kill_point_) kill_point_(place);
    };
  };
  WriteOptions options;
  options.replace = request_.options.overwrite;
  options.mark = mark_of(request_.job, request_.attempt);
  options.comment = comment_of(request_.job, request_.attempt);
  options.before_commit = [this, intent, kill_at](const std::vector<fs::path>& files) mutable {
    intent["phase"] = "commit";
    intent["files"] = Json::array();
    for (const fs::path& file : files) intent["files"].push_back(identity_of(file));
    note(intent);
    kill_at("before-commit")();
  };
  options.between_renames = kill_at("between-renames");
  options.after_commit = kill_at("after-commit");
  return options;
}

}  // namespace rle
