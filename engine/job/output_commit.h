// Outputs that are written once, all or none, whatever kills the process that writes them. Before anything is
// written, JOB_FOLDER/intent.json says where to; before the commit it says how committed outputs are known
// (files by their inodes and sizes, tables by their comments) and what the job's result is. A later attempt
// looks there first.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "ingest/writer.h"
#include "job/job_request.h"

namespace rle {

inline constexpr const char* kIntentFile = "intent.json";

// For tests: called where a process may be killed. Empty outside of them.
using KillPoint = std::function<void(std::string_view place)>;

// Borrows the request. One thread.
class OutputCommit {
 public:
  OutputCommit(const JobRequest& request, KillPoint kill_point);

  // After a former attempt: the result that it noted, if its outputs are committed; those of which some had
  // their names get the others'. Else what it has left beside the outputs is removed. Error{kIo}: it can't be
  // known now.
  std::optional<nlohmann::ordered_json> settle() const;
  // How to write the outputs that `result` tells of; result: what the job will have told when they are there.
  WriteOptions begin(nlohmann::ordered_json result) const;

 private:
  void note(const nlohmann::ordered_json& intent) const;
  bool is_committed(const nlohmann::ordered_json& intent, const std::vector<OutputTarget>& targets) const;

  const JobRequest& request_;
  KillPoint kill_point_;
};

// Writes a document so that it is there whole or not at all.
void write_json_file(const std::filesystem::path& file, const nlohmann::ordered_json& document);
// nullopt: absent, or no JSON.
std::optional<nlohmann::ordered_json> read_json_file(const std::filesystem::path& file);

}  // namespace rle
