#include "apps/interrupt.h"

#include <unistd.h>
#include <csignal>
#include <cstddef>

namespace rle {
namespace {

CancelToken* g_token = nullptr;  // a signal handler has no other way to reach it

extern "C" void on_interrupt(int) {
  constexpr char kText[] = "\nstopping after this step; once more to stop at once\n";
  g_token->request();
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, kText, sizeof kText - 1);
}

}  // namespace

void stop_on_interrupt(CancelToken& token) {
  g_token = &token;
  struct sigaction action {};
  action.sa_handler = on_interrupt;
  action.sa_flags = static_cast<int>(SA_RESETHAND);  // the second signal has its default effect
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);  // `rle ... | head`: a failed write, told as an error
  std::signal(SIGXFSZ, SIG_IGN);  // a file size limit: likewise
}

}  // namespace rle
