#include "bench/measure.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <sstream>

namespace rle {
namespace {

double seconds(timeval time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

// CPU seconds of all processes but this one since the machine started.
double busy_elsewhere_s() {
  std::ifstream stat("/proc/stat");
  std::string cpu;
  stat >> cpu;
  double busy = 0, ticks = 0;
  for (int field = 0; field < 8 && stat >> ticks; ++field)
    if (field != 3 && field != 4) busy += ticks;  // 3: idle, 4: waiting for a disk
  rusage own{};
  getrusage(RUSAGE_SELF, &own);
  return busy / static_cast<double>(sysconf(_SC_CLK_TCK)) - seconds(own.ru_utime) - seconds(own.ru_stime);
}

// What stands behind "name<spaces>:" in a file of /proc, first line only; "" where there is none.
std::string proc_value(const char* path, const std::string& name) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(':');
    if (colon == std::string::npos || line.compare(0, name.size(), name) != 0) continue;
    if (line.find_first_not_of(" \t", name.size()) != colon) continue;
    const size_t begin = line.find_first_not_of(" \t", colon + 1);
    return begin == std::string::npos ? "" : line.substr(begin);
  }
  return "";
}

}  // namespace

double now_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

Watch::Watch() : start_(now_s()), busy_(busy_elsewhere_s()) {}

double Watch::wall_s() const { return now_s() - start_; }

double Watch::others() const { return std::max(0.0, (busy_elsewhere_s() - busy_) / wall_s()); }

int64_t peak_memory_bytes() { return std::atoll(proc_value("/proc/self/status", "VmHWM").c_str()) * 1024; }

std::string cpu_name() { return proc_value("/proc/cpuinfo", "model name"); }

std::string cpu_flags() {
  std::istringstream all(proc_value("/proc/cpuinfo", "flags"));
  std::string kept;
  for (std::string flag; all >> flag;)
    if (flag == "avx2" || flag == "fma" || flag == "f16c" || flag.starts_with("avx512") ||
        flag.starts_with("amx"))
      kept += (kept.empty() ? "" : " ") + flag;
  return kept;
}

}  // namespace rle
