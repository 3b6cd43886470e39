// Runs what a JobRequest asks for. Everything that a killed attempt of the same job left is used or removed:
// a finished training is not done again, one that was stopped goes on from its last checkpoint, a committed
// output is recognised.
#pragma once

#include <nlohmann/json.hpp>

#include "base/cancel.h"
#include "job/event_report.h"
#include "job/job_request.h"
#include "job/output_commit.h"

namespace rle {

// The model that a job trained, inside its folder.
inline constexpr const char* kJobModelFolder = "model";

// What the process that starts a run gives it. Borrowed.
struct RequestContext {
  EventReport& report;
  const CancelToken& cancel;
  KillPoint kill_point = {};  // for tests
};

// What the "result" event tells: {"result": ..., "outputs": [...]} of a job; {"warnings": [...]} of kCheck;
// {} of kSettle without a committed output; the columns of kDescribe; {} of kExport. Error{kInterrupted} on
// cancel; else as run_fit and run_predict, with the field where one is known.
nlohmann::ordered_json run_request(const JobRequest& request, const RequestContext& context);

// The parts of run_request.
nlohmann::ordered_json run_fit_request(const JobRequest& request, const RequestContext& context);
nlohmann::ordered_json run_predict_request(const JobRequest& request, const RequestContext& context);
nlohmann::ordered_json check_request(const JobRequest& request, const RequestContext& context);
nlohmann::ordered_json describe_source(const JobRequest& request, const RequestContext& context);

// What a job tells of its scores, as far as there are some: {"validation_metrics": {...},
// "validation_baselines": [...], "test_metrics": {...}, "test_baselines": [...]}.
void add_metrics(const std::vector<struct SplitScore>& scores, bool with_test,
                 nlohmann::ordered_json& result);

}  // namespace rle
