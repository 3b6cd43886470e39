// The test program's other lives, and the fixture (host_testing.h).
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>

#include "ingest/duckdb_session.h"
#include "job/job_process.h"
#include "server/host_testing.h"
#include "server/problem.h"

extern char** environ;

namespace rle::server_testing {
namespace {
namespace fs = std::filesystem;

// Reads one request, prints the job's id, and runs until it is killed.
int run_host(const char* state_folder) {
  HostOptions options;
  options.state_folder = state_folder;
  options.self = self_command();
  Host host(options);
  host.start();
  std::ostringstream text;
  text << std::cin.rdbuf();
  try {
    std::cout << host.create_job(Json::parse(text.str()), "tester", "").job["id"].get<std::string>()
              << std::endl;
  } catch (const Problem& problem) {
    std::cerr << problem.detail << std::endl;
    return 1;
  }
  while (true) ::pause();
}

void duckdb(const std::vector<std::string>& statements) {
  ingest::Connection connection = ingest::open_duckdb();
  for (const std::string& statement : statements) connection.execute(statement);
}

}  // namespace

std::vector<std::string> self_command() { return {fs::read_symlink("/proc/self/exe").string()}; }

void kill_point(std::string_view place) {
  const char* wanted = std::getenv("RLE_KILL_AT");
  if (wanted == nullptr || place != wanted) return;
  const char* mark = std::getenv("RLE_KILL_MARK");
  if (mark != nullptr) {
    if (fs::exists(mark)) return;
    std::ofstream(mark) << place;
  }
  if (std::getenv("RLE_KILL_HOST") != nullptr) ::kill(::getppid(), SIGKILL);
  ::kill(::getpid(), SIGKILL);
}

HostTest::HostTest() {
  options_.state_folder = state();
  options_.self = self_command();
  const std::string to = folder_.string();
  duckdb({"CREATE TABLE c AS SELECT i AS id, (i % 3)::DOUBLE AS size FROM range(60) t(i)",
          "CREATE TABLE o AS SELECT i AS id, i % 60 AS customer, TIMESTAMP '2020-01-01' + INTERVAL (i % 90) "
          "DAY AS moment, "
          "((i % 60) % 2) * 10.0 + i % 7 AS amount FROM range(900) t(i)",
          "CREATE TABLE l AS SELECT i % 60 AS id, TIMESTAMP '2020-02-01' + INTERVAL (i // 60) DAY AS moment, "
          "i % "
          "2 AS rich FROM "
          "range(1200) t(i)",
          fmt::format("COPY c TO '{}/c.parquet'", to), fmt::format("COPY o TO '{}/o.parquet'", to),
          fmt::format("COPY (SELECT * FROM l WHERE moment < '2020-02-11') TO '{}/train.parquet'", to),
          fmt::format("COPY (SELECT * FROM l WHERE moment >= '2020-02-11' AND moment < '2020-02-15') TO "
                      "'{}/validation.parquet'",
                      to),
          fmt::format("COPY (SELECT * FROM l WHERE moment >= '2020-02-15') TO '{}/test.parquet'", to)});
}

HostTest::~HostTest() = default;

Host& HostTest::host() {
  if (!host_) {
    host_ = std::make_unique<Host>(options_);
    host_->start();
  }
  return *host_;
}

Json HostTest::request(const std::string& kind, const std::string& alias, int64_t epochs) const {
  const auto file = [&](const char* name) { return (folder_ / name).string(); };
  Json out{{"kind", kind},
           {"spec",
            {{"dataset", "shop"},
             {"tables",
              {{"customers", {{"source", file("c.parquet")}, {"primary_key", "id"}}},
               {"orders",
                {{"source", file("o.parquet")},
                 {"primary_key", "id"},
                 {"time_column", "moment"},
                 {"foreign_keys", {{"customer", "customers.id"}}}}}}},
             {"task",
              {{"name", "rich"},
               {"type", "binary_classification"},
               {"entity", "customers.id"},
               {"target", "rich"},
               {"time_column", "moment"},
               {"train", file("train.parquet")},
               {"validation", file("validation.parquet")},
               {"test", file("test.parquet")}}},
             {"config",
              {{"n_epochs", epochs},
               {"channels", 8},
               {"fanouts", {4, 4}},
               {"patience", nullptr},
               {"eval_every", 1},
               {"checkpoint_every_steps", 10}}}}}};
  if (kind == "fit") {
    out["spec"]["task"].erase("test");
    return out;
  }
  out["output"] = {{"kind", "files"}, {"folder", folder_.string()}, {"alias", alias}};
  return out;
}

Json HostTest::duckdb_output(const std::string& alias) const {
  return {{"kind", "duckdb"}, {"database", (folder_ / "out.duckdb").string()}, {"alias", alias}};
}

std::string HostTest::create(const Json& request) {
  try {
    return host().create_job(request, "tester", "").job["id"];
  } catch (const Problem& problem) {
    ADD_FAILURE() << problem.json();
    throw;
  }
}

Json HostTest::finished(const std::string& id) {
  Json job;
  for (int i = 0; i < 6000; ++i) {
    job = host().job(id);
    if (is_final(*job_state_of(job["state"].get<std::string>()))) return job;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  ADD_FAILURE() << "still " << job;
  return job;
}

bool HostTest::becomes(const std::string& id, const std::string& state) {
  return eventually([&] { return host().job(id)["state"] == state; });
}

pid_t HostTest::child_of(const std::string& id) const {
  const fs::path lock = state() / "jobs" / id / "lock";
  for (int i = 0; i < 1000; ++i) {
    for (const auto& process : fs::directory_iterator("/proc")) {
      const pid_t pid = std::atoi(process.path().filename().c_str());
      std::error_code error;
      if (pid <= 0 || pid == ::getpid()) continue;
      for (const auto& descriptor : fs::directory_iterator(process.path() / "fd", error))
        if (fs::read_symlink(descriptor.path(), error) == lock) return pid;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return 0;
}

int64_t HostTest::rows_of(const std::string& relation) const {
  ingest::Connection connection = ingest::open_duckdb();
  if (relation.ends_with(".parquet") || relation.ends_with(".csv"))
    return ingest::query_count(connection,
                               fmt::format("SELECT count(*) FROM '{}/{}'", folder_.string(), relation));
  ingest::attach_database(connection, folder_ / "out.duckdb", "o", true);
  return ingest::query_count(connection, fmt::format("SELECT count(*) FROM o.{}", relation));
}

std::vector<std::string> HostTest::files_in(const fs::path& folder) const {
  std::vector<std::string> out;
  for (const auto& entry : fs::directory_iterator(folder)) out.push_back(entry.path().filename().string());
  std::sort(out.begin(), out.end());
  return out;
}

std::string HostTest::run_host_that_dies(const Json& request, const std::vector<std::string>& environment,
                                         const std::function<void(pid_t, const std::string&)>& meanwhile) {
  std::ofstream(folder_ / "request.json") << request.dump();
  const std::string program = self_command()[0], in = (folder_ / "request.json").string(),
                    folder = state().string();
  const std::string out = (folder_ / "id.txt").string();
  fs::remove(out);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, in.c_str(), O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  std::vector<std::string> words{program, "host", folder}, variables = environment;
  for (char** each = environ; *each != nullptr; ++each) variables.emplace_back(*each);
  std::vector<char*> arguments, values;
  for (std::string& word : words) arguments.push_back(word.data());
  for (std::string& variable : variables) values.push_back(variable.data());
  arguments.push_back(nullptr);
  values.push_back(nullptr);
  pid_t host = 0;
  EXPECT_EQ(::posix_spawn(&host, program.c_str(), &actions, nullptr, arguments.data(), values.data()), 0);
  posix_spawn_file_actions_destroy(&actions);
  std::string id;
  EXPECT_TRUE(eventually([&] {
    std::getline(std::ifstream(out), id);
    return id.size() == 36;
  }));
  if (meanwhile) meanwhile(host, id);
  int status = 0;
  EXPECT_TRUE(eventually([&] { return ::waitpid(host, &status, WNOHANG) == host; }))
      << "the host was not killed";
  EXPECT_TRUE(WIFSIGNALED(status));
  return id;
}

}  // namespace rle::server_testing

int main(int argc, char** argv) {
  const std::string_view life = argc > 1 ? argv[1] : "";
  if (life == "job") return rle::run_job_process(STDIN_FILENO, 3, rle::server_testing::kill_point);
  if (life == "host") return rle::server_testing::run_host(argv[2]);
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
