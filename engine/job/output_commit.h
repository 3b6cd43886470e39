// An output that is written once, whatever kills the process that writes it. Before anything is written,
// JOB_FOLDER/intent.json says where to; before the commit it says how the committed output is known (a file
// by its inode and size, a table by its comment) and what the job's result is. A later attempt looks there
// first.
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

// Borrows the request, which has an output. One thread.
class OutputCommit {
 public:
  OutputCommit(const JobRequest& request, KillPoint kill_point);

  // The result that a former attempt noted, if its output is committed. Error{kIo}: it can't be known now.
  std::optional<nlohmann::ordered_json> former_result() const;
  // Removes what former attempts that were killed have left beside the output.
  void clear() const;
  // How to write; result: what the job will have told when the output is there.
  WriteOptions begin(nlohmann::ordered_json result) const;

 private:
  void note(const nlohmann::ordered_json& intent) const;

  const JobRequest& request_;
  KillPoint kill_point_;
};

// Writes a document so that it is there whole or not at all.
void write_json_file(const std::filesystem::path& file, const nlohmann::ordered_json& document);
// nullopt: absent, or no JSON.
std::optional<nlohmann::ordered_json> read_json_file(const std::filesystem::path& file);

}  // namespace rle
