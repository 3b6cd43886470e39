// Results that are kept between runs, in a folder that several processes may use at one time and that may be
// emptied at any time. A snapshot is named by what went into it: other input is another name, so none is ever
// out of date. Nothing about the folder stops a run: what can't be used is told and made again, what can't be
// written is told and left.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/report.h"
#include "base/snapshot_file.h"

namespace rle {

struct SnapshotKey {
  std::string kind;      // "table": letters, the beginning of the files' names
  std::string what;      // "table 'orders'", for people
  uint64_t place = 0;    // of those at one place only the newest is kept
  uint64_t content = 0;  // of all that decides the value
};

// Borrows the report. One thread.
class SnapshotFolder {
 public:
  SnapshotFolder(std::filesystem::path path, Report& report) : path_(std::move(path)), report_(report) {}

  // The key's value, mapped, where it is kept; what was reported when it was made is reported again.
  // Otherwise what make(Report&) returns, which is kept if unchanged() says afterwards that the input still
  // is what the key says, and mapped as well.
  template <typename Make, typename Unchanged>
  auto keep(const SnapshotKey& key, Make make, Unchanged unchanged) {
    using Value = decltype(make(std::declval<Report&>()));
    if (auto kept = load<Value>(key)) {
      for (const ReportLines::Line& line : kept->first) report_.line(line.severity, line.text);
      return std::move(kept->second);
    }
    Recorder recorder(report_);
    Value value = make(recorder);
    if (unchanged() && save(key, recorder.lines(), value))
      if (auto kept = load<Value>(key)) return std::move(kept->second);
    return value;
  }
  template <typename Make>
  auto keep(const SnapshotKey& key, Make make) {
    return keep(key, std::move(make), [] { return true; });
  }

  // Whether there is one, as far as names tell. content 0: of any content.
  bool has(const SnapshotKey& key) const;

 private:
  // Keeps the lines that it passes on.
  class Recorder : public ReportLines {
   public:
    explicit Recorder(Report& report) : report_(report) {}
    void line(Severity severity, std::string_view text) override {
      ReportLines::line(severity, text);
      report_.line(severity, text);
    }

   private:
    Report& report_;
  };

  template <typename Value>
  std::optional<std::pair<std::vector<ReportLines::Line>, Value>> load(const SnapshotKey& key) {
    try {
      SnapshotReader reader(name_of(key));
      if (!reader.open()) return std::nullopt;
      std::pair<std::vector<ReportLines::Line>, Value> kept;
      reader.read(kept.first);
      reader.read(kept.second);
      reader.finish();
      return kept;
    } catch (const Error& error) {
      report_.warning("the snapshot of {} is damaged, and made again: {}", key.what, error.what());
      return std::nullopt;
    }
  }

  template <typename Value>
  bool save(const SnapshotKey& key, const std::vector<ReportLines::Line>& lines, const Value& value) {
    if (given_up_) return false;
    try {
      const Descriptor writing = begin_writing();
      SnapshotWriter writer(name_of(key));
      writer.add(lines);
      writer.add(value);
      writer.commit(key.what);
      remove_former(key);
      return true;
    } catch (const std::exception& error) {  // memory may end as well
      report_.warning("no snapshot of {} is kept, the run goes on without: {}", key.what, error.what());
      given_up_ = true;
      return false;
    }
  }

  std::filesystem::path name_of(const SnapshotKey& key) const;
  // Makes the folder. While the descriptor is open nobody takes what is being written for a leftover.
  Descriptor begin_writing() const;
  void remove_former(const SnapshotKey& key) const;  // throws nothing

  std::filesystem::path path_;
  Report& report_;
  bool given_up_ = false;  // to write, and told
};

}  // namespace rle
