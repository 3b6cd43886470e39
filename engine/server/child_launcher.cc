#include "server/child_launcher.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/error.h"
#include "base/file.h"

extern char** environ;

namespace rle {
namespace {

constexpr int kEventDescriptor = 3;
constexpr size_t kMostPerPoll = size_t{4} << 20;
constexpr size_t kLongestLine = size_t{16} << 20;
constexpr int kFirstFree = 10;  // descriptors of the parent's are moved above what the child's will be

[[noreturn]] void cannot(const char* what) {
  fail(ErrorCode::kIo, "a child process could not be started: {}: {}", what, std::strerror(errno));
}

// A descriptor that the child's own do not overwrite.
int high(int descriptor) {
  const int out = ::fcntl(descriptor, F_DUPFD_CLOEXEC, kFirstFree);
  ::close(descriptor);
  if (out < 0) cannot("fcntl");
  return out;
}

// A file in memory that holds the document, at its beginning.
int document_descriptor(const std::string& document) {
  const int file = ::memfd_create("job", MFD_CLOEXEC);
  if (file < 0) cannot("memfd_create");
  for (size_t done = 0; done < document.size();) {
    const ssize_t written = ::write(file, document.data() + done, document.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      ::close(file);
      cannot("memory for its document");
    }
    done += static_cast<size_t>(written);
  }
  ::lseek(file, 0, SEEK_SET);
  return high(file);
}

struct Pipe {
  Pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) cannot("pipe2");
    read.reset(high(ends[0]));
    write.reset(high(ends[1]));
    ::fcntl(read.get(), F_SETFL, O_NONBLOCK);
  }
  Descriptor read{-1}, write{-1};
};

// The lines of a pipe.
class LineReader {
 public:
  explicit LineReader(Descriptor&& from) : from_(std::move(from)) {}
  int descriptor() const { return from_.get(); }

  void read(std::vector<std::string>& lines) {
    char buffer[1 << 16];
    for (size_t total = 0; from_.get() >= 0 && total < kMostPerPoll;) {
      const ssize_t got = ::read(from_.get(), buffer, sizeof buffer);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && errno == EAGAIN) return;
      if (got <= 0) return close(lines);
      total += static_cast<size_t>(got);
      for (const char c : std::string_view(buffer, static_cast<size_t>(got))) {
        if (c != '\n' && text_.size() < kLongestLine)
          text_ += c;
        else
          lines.push_back(std::exchange(text_, {}));
      }
    }
  }
  void close(std::vector<std::string>& lines) {
    if (!text_.empty()) lines.push_back(std::exchange(text_, {}));
    from_.reset();
  }

 private:
  Descriptor from_;
  std::string text_;
};

class ChildProcess : public Attempt {
 public:
  ChildProcess(pid_t pid, int watch, Descriptor&& events, Descriptor&& other,
               std::unique_ptr<MemoryGroup> group)
      : pid_(pid),
        watch_(watch),
        events_(std::move(events)),
        other_(std::move(other)),
        group_(std::move(group)) {}

  ~ChildProcess() override {
    if (ended_) return;
    stop(true);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }

  std::vector<int> descriptors() const override {
    std::vector<int> out{watch_.get()};
    for (const int descriptor : {events_.descriptor(), other_.descriptor()})
      if (descriptor >= 0) out.push_back(descriptor);
    return out;
  }

  News poll() override {
    News news;
    int status = 0;
    // Looked at before the pipes: what it wrote before it ended is in them then.
    siginfo_t info{};
    const bool ended = !ended_ &&
                       ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
                       info.si_pid == pid_;
    if (ended) {
      ::kill(-pid_, SIGKILL);  // what it started and left, while the number is still its own
      ::waitpid(pid_, &status, 0);
    }
    events_.read(news.events);
    other_.read(news.other);
    if (!ended) return news;
    ended_ = true;
    events_.close(news.events);
    other_.close(news.other);
    news.ending = Ending{.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 0,
                         .signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0,
                         .out_of_memory = group_ && group_->ran_out()};
    return news;
  }

  void stop(bool at_once) override {
    if (!ended_) ::kill(at_once ? -pid_ : pid_, at_once ? SIGKILL : SIGTERM);
  }

 private:
  const pid_t pid_;
  const Descriptor watch_;
  LineReader events_, other_;
  const std::unique_ptr<MemoryGroup> group_;  // nullptr: none
  bool ended_ = false;
};

// What the child needs, made before the fork: after it, only calls that are safe there.
struct ChildPlan {
  pid_t parent;
  int document, events, other;
  char* const* arguments;
  const char* group;  // its entrance; nullptr: none
};

[[noreturn]] void become(const ChildPlan& plan) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != plan.parent) ::_exit(127);  // it ended before that was set
  if (plan.group != nullptr) {
    const int entrance = ::open(plan.group, O_WRONLY | O_CLOEXEC);
    if (entrance < 0 || ::write(entrance, "0", 1) != 1) ::_exit(127);
  }
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (::dup2(plan.document, STDIN_FILENO) < 0 || ::dup2(plan.other, STDOUT_FILENO) < 0 ||
      ::dup2(plan.other, STDERR_FILENO) < 0 || ::dup2(plan.events, kEventDescriptor) < 0)
    ::_exit(127);
  ::syscall(SYS_close_range, kEventDescriptor + 1, ~0U, 0);  // those of others too that forgot O_CLOEXEC
  ::execve(plan.arguments[0], plan.arguments, environ);
  const char text[] = "the program of the job could not be started\n";
  [[maybe_unused]] const ssize_t told = ::write(STDERR_FILENO, text, sizeof text - 1);
  ::_exit(127);
}

}  // namespace

std::unique_ptr<Attempt> ChildLauncher::start(const LaunchOrder& order) {
  const Descriptor document(document_descriptor(order.document));
  Pipe events, other;
  std::vector<std::string> words = command_;
  words.emplace_back("job");
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  std::unique_ptr<MemoryGroup> group;
  if (order.memory_limit_bytes) group = groups_.make(order.name, *order.memory_limit_bytes);
  const std::string entrance = group ? group->entrance() : "";
  const ChildPlan plan{::getpid(),        document.get(),   events.write.get(),
                       other.write.get(), arguments.data(), group ? entrance.c_str() : nullptr};
  const pid_t pid = ::fork();
  if (pid < 0) cannot("fork");
  if (pid == 0) become(plan);
  ::setpgid(pid, pid);  // whichever of the two comes first
  const int watch = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (watch < 0) {
    const int error = errno;
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    errno = error;
    cannot("pidfd_open");
  }
  return std::make_unique<ChildProcess>(pid, watch, std::move(events.read), std::move(other.read),
                                        std::move(group));
}

}  // namespace rle
