#include "server/v1alpha1/log_lines.h"

#include <gtest/gtest.h>

namespace rle::v1alpha1 {
namespace {

EventRecord event(int64_t time_us, const char* type, Json body) {
  return {1, 1, time_us, type, std::move(body)};
}

Json progress(int64_t step) {
  return {{"epoch", 1}, {"epochs", 2}, {"step", step}, {"steps", 10}, {"loss", 0.5}, {"seconds_left", 3.0}};
}

TEST(V1alpha1LogLines, ProgressIsWhatClientsParse) {
  LogLines lines("job");
  EXPECT_EQ(lines.line(event(0, "progress", progress(1))),
            R"(TRAINING_PROGRESS:{"epoch":1,"total_epochs":2,"step":1,"total_steps":10,"loss":0.5})");
  EXPECT_EQ(lines.line(event(200'000, "progress", progress(2))), std::nullopt) << "too early";
  EXPECT_TRUE(lines.line(event(250'000, "progress", progress(3))));
  EXPECT_TRUE(lines.line(event(100, "progress", progress(4)))) << "the clock was set back";
}

TEST(V1alpha1LogLines, EpochsLogsAndTheEnd) {
  LogLines lines("job");
  EXPECT_EQ(lines.line(event(0, "epoch",
                             {{"epoch", 1}, {"epochs", 2}, {"loss", 0.25}, {"validation", {{"mae", 4.5}}}})),
            "EPOCH_COMPLETE: epoch 1/2 loss 0.25 mae 4.5");
  EXPECT_EQ(lines.line(event(1'000'000, "log", {{"severity", "WARNING"}, {"text", "no GPU"}})),
            "1970-01-01 00:00:01 | WARNING | no GPU");
  EXPECT_EQ(lines.line(event(0, "scored", {{"done", 1}, {"rows", 2}})), std::nullopt);
  EXPECT_EQ(lines.end(), "JOB_END:job");
}

}  // namespace
}  // namespace rle::v1alpha1
