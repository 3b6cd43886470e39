#include "job/resume_folder.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <functional>

#include "base/error.h"
#include "job/state_writer.h"
#include "kernel/isa.h"

namespace rle {
namespace {
namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

class Resume : public testing::Test {
 protected:
  void SetUp() override {
    const std::string test = testing::UnitTest::GetInstance()->current_test_info()->name();
    folder_ = fs::path(testing::TempDir()) / ("rle_resume_" + test + "_" + std::to_string(getpid()));
    fs::remove_all(folder_);
    run_.specification = {{"config", {{"lr", 0.1}, {"fanouts", {8, 4}}}}, {"task", "churn"}};
    run_.data = {{"tables", {{"customers", {{"rows", 3}}}, {"orders", {{"rows", 9}}}}}};
  }
  void TearDown() override { fs::remove_all(folder_); }

  static FitState state(int64_t steps) {
    FitState out;
    out.cursor.step = steps;
    out.parameters = {static_cast<float>(steps), 2};
    out.adam = {{1, 2}, {3, 4}, steps};
    return out;
  }
  void write(const std::string& name, std::string_view text) {
    std::ofstream(folder_ / kResumeFolder / name, std::ios::binary) << text;
  }
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& entry : fs::directory_iterator(folder_ / kResumeFolder))
      out.push_back(entry.path().filename().string());
    std::sort(out.begin(), out.end());
    return out;
  }
  ResumeFolder with_states(std::initializer_list<int64_t> steps) {
    ResumeFolder out(folder_);
    out.begin(run_);
    for (int64_t step : steps) out.write(state(step));
    return out;
  }

  fs::path folder_;
  RunIdentity run_;
  ReportLines report_;
};

TEST_F(Resume, KeepsTheNewestTwo) {
  EXPECT_FALSE(ResumeFolder(folder_).is_used());
  with_states({9, 10, 100});
  EXPECT_EQ(names(), (std::vector<std::string>{"run.json", "step-10.json", "step-10.safetensors",
                                               "step-100.json", "step-100.safetensors"}));
  ResumeFolder again(folder_);
  EXPECT_TRUE(again.is_used());
  EXPECT_EQ(again.newest(run_, report_)->parameters[0], 100);
  EXPECT_EQ(again.last_step(), 100);
  again.remove();
  EXPECT_FALSE(fs::exists(folder_ / kResumeFolder));
}

TEST_F(Resume, WhatIsNotWholeIsLeftOutAndRemovedInItsTime) {
  with_states({5, 9});
  write("step-9.json", R"({"format": "1", "run": 3, "bytes": [], "checksum": null})");
  write("step-11.json", "[]");
  write("step-12.safetensors", "no manifest");
  write("step-x.json", "{}");
  write("step-99999999999999999999999.json", "{}");
  write("step-13.safetensors.tmp-77", "killed while writing");
  write("notes.txt", "mine");
  ResumeFolder folder(folder_);
  EXPECT_EQ(folder.newest(run_, report_)->steps(), 5);
  EXPECT_EQ(report_.lines().size(), 3u);  // two warnings, and what it goes on with
  folder.begin(run_);
  folder.write(state(7));
  EXPECT_EQ(names(), (std::vector<std::string>{"notes.txt", "run.json", "step-5.json", "step-5.safetensors",
                                               "step-7.json", "step-7.safetensors"}));
  folder.remove();
  EXPECT_EQ(names(), std::vector<std::string>{"notes.txt"});
}

TEST_F(Resume, AStateOfAnotherStepOrRunIsLeftOut) {
  with_states({5, 9});
  fs::rename(folder_ / kResumeFolder / "step-9.json", folder_ / kResumeFolder / "step-8.json");
  fs::rename(folder_ / kResumeFolder / "step-9.safetensors", folder_ / kResumeFolder / "step-8.safetensors");
  EXPECT_EQ(ResumeFolder(folder_).newest(run_, report_)->steps(), 5);
  run_.data["tables"]["orders"]["rows"] = 10;
  EXPECT_FALSE(ResumeFolder(folder_).newest(run_, report_).has_value());
}

std::string message_of(const std::function<void()>& call, ErrorCode code) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code);
    return error.what();
  }
  return "";
}

TEST_F(Resume, AnotherRunIsNamed) {
  const ResumeFolder folder = with_states({5});
  folder.require_same_specification(run_.specification);
  folder.require_same_data(run_.data);
  Json other = run_.specification;
  other["config"]["fanouts"] = {8};
  other["config"]["extra"] = true;
  other.erase("task");
  const std::string message = message_of([&] { folder.require_same_specification(other); }, ErrorCode::kSpec);
  EXPECT_NE(message.find("config.fanouts is [8] and was [8,4]; config.extra is true and was absent; task is "
                         "absent and was \"churn\""),
            std::string::npos)
      << message;
  other = run_.data;
  other["tables"]["orders"]["rows"] = 10;
  EXPECT_NE(
      message_of([&] { folder.require_same_data(other); }, ErrorCode::kData).find("(table 'orders' changed)"),
      std::string::npos);
}

TEST_F(Resume, ManyDifferencesAreCounted) {
  Json then = Json::object(), now = Json::object();
  for (int i = 0; i < 20; ++i) then[std::to_string(i)] = i, now[std::to_string(i)] = i + 1;
  const std::vector<std::string> lines = json_differences(then, now, 8);
  ASSERT_EQ(lines.size(), 9u);
  EXPECT_EQ(lines.back(), "and 12 more");
  EXPECT_TRUE(json_differences(then, then).empty());
}

TEST_F(Resume, AnotherInstructionSetIsTold) {
  {
    const ScopedIsa isa(Isa::kBaseline);
    with_states({5});
  }
  if (active_isa() == Isa::kBaseline) GTEST_SKIP() << "this CPU has one only";
  EXPECT_TRUE(ResumeFolder(folder_).newest(run_, report_).has_value());
  EXPECT_EQ(report_.lines()[0].severity, Severity::kWarning);
  EXPECT_NE(report_.lines()[0].text.find("\"baseline\""), std::string::npos);
}

TEST_F(Resume, TheWriterKeepsToItsSchedule) {
  ResumeFolder folder(folder_);
  folder.begin(run_);
  double seconds = 0;
  StateWriter writer(
      folder, {.every_steps = 5, .every_seconds = 60}, [&] { return seconds; }, 2, report_);
  EXPECT_FALSE(writer.due(6));
  EXPECT_TRUE(writer.due(7));
  writer.keep(state(7));
  writer.finish();
  EXPECT_EQ(folder.last_step(), 7);
  EXPECT_FALSE(writer.due(11));
  seconds = 59;
  EXPECT_FALSE(writer.due(8));
  seconds = 60;
  EXPECT_TRUE(writer.due(8));
  EXPECT_TRUE(report_.lines().empty());
}

TEST_F(Resume, TheWriterTellsAFullDiskOnceAndGoesOn) {
  ResumeFolder folder(folder_);
  folder.begin(run_);
  StateWriter writer(folder, {.every_steps = 1}, nullptr, 0, report_);
  const auto keep = [&](int64_t step) {
    writer.keep(state(step));
    writer.finish();
  };
  keep(1);
  fs::rename(folder_ / kResumeFolder, folder_ / "away");
  keep(2);
  keep(3);
  ASSERT_EQ(report_.lines().size(), 1u);
  EXPECT_NE(report_.lines()[0].text.find("the checkpoint after step 1 stays valid"), std::string::npos);
  fs::rename(folder_ / "away", folder_ / kResumeFolder);
  EXPECT_EQ(ResumeFolder(folder_).newest(run_, report_)->steps(), 1);
  keep(4);
  EXPECT_EQ(report_.lines().back().text, "checkpoints are written again");
  EXPECT_EQ(ResumeFolder(folder_).newest(run_, report_)->steps(), 4);
}

}  // namespace
}  // namespace rle
