// For tests of the host with real children: the test program itself is what they run ("job"), and can be a
// whole host in a process that may be killed ("host FOLDER").
#pragma once

#include <string>
#include <vector>

#include "server/host.h"
#include "server/scheduler_testing.h"

namespace rle::server_testing {

// The test program's own path.
std::vector<std::string> self_command();

// Where a child of the test program ends itself, by RLE_KILL_AT=PLACE, once a file RLE_KILL_MARK. With
// RLE_KILL_HOST its parent goes first.
void kill_point(std::string_view place);

// A small shop as files, and jobs about it.
class HostTest : public FolderOfTest {
 protected:
  HostTest();
  ~HostTest() override;

  std::filesystem::path state() const { return folder_ / "state"; }
  Host& host();  // started at the first use
  void stop() { host_.reset(); }

  // epochs: 2 take a tenth of a second; steps of all of them.
  Json request(const std::string& kind, const std::string& alias = "", int64_t epochs = 2) const;
  Json duckdb_output(const std::string& alias) const;
  std::string create(const Json& request);
  // Waits; the job when it is final.
  Json finished(const std::string& id);
  bool becomes(const std::string& id, const std::string& state);
  // The pid of the running child of the job.
  pid_t child_of(const std::string& id) const;
  int64_t rows_of(const std::string& relation) const;
  std::vector<std::string> files_in(const std::filesystem::path& folder) const;

  // A host in another process with this environment, which submits the request; it is killed, or kills
  // itself. Returns the job's id when that process is gone.
  std::string run_host_that_dies(
      const Json& request, const std::vector<std::string>& environment,
      const std::function<void(pid_t host, const std::string& id)>& meanwhile = {});

  HostOptions options_;

 private:
  std::unique_ptr<Host> host_;
};

}  // namespace rle::server_testing
