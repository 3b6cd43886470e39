#include "job/run_request.h"

#include <thread>

#include "base/error.h"
#include "job/job_outputs.h"
#include "job/model_folder.h"
#include "job/resume_folder.h"
#include "job/run_identity.h"
#include "job/run_job.h"

namespace rle {
namespace {
namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* kFitFile = "fit.json";  // the result of a training that is done
constexpr auto kLockPause = std::chrono::milliseconds(200);
constexpr int kLockAttempts = 300;  // a minute

int threads_of(const JobRequest& request, const JobSpec& spec) {
  const int most = request.threads > 0 ? std::min(request.threads, available_cpus()) : available_cpus();
  return spec.threads > 0 ? std::min(spec.threads, most) : most;
}

// The specification with what engine and options say.
JobSpec spec_of(const JobRequest& request, const RequestContext& context, bool first) {
  JobSpec spec = read_request_spec(request.spec, request.base_folder);
  spec.score_batch_size = request.options.batch_size;
  if (request.memory_limit_bytes)
    spec.memory_limit_bytes =
        std::min(*request.memory_limit_bytes, spec.memory_limit_bytes.value_or(*request.memory_limit_bytes));
  if (!spec.device && request.engine_device == "cuda") spec.device = Device::kCuda;
  if (first) {
    const Json requested = spec.device ? Json(to_string(*spec.device)) : Json(nullptr);
    context.report.event("device", {{"requested", requested}, {"used", to_string(Device::kCpu)}});
    for (const std::string& warning : spec.warnings) context.report.warning("{}", warning);
  }
  if (!first) spec.device.reset();  // told before
  return spec;
}

RunContext run_context(ThreadPool& pool, const RequestContext& context) {
  return {pool, context.report, &context.cancel,
          [&report = context.report](int64_t done, int64_t rows) { report.scored(done, rows); }};
}

Json fit_result(const FitOutcome& outcome, bool with_test) {
  Json result{{"best_epoch", outcome.best_epoch ? Json(*outcome.best_epoch) : Json(nullptr)},
              {"epochs", outcome.epochs},
              {"seconds", outcome.seconds},
              {"metric", outcome.metric},
              {"stopped_early", outcome.stopped_early},
              {"parameters", outcome.parameters}};
  add_metrics(outcome.scores, with_test, result);
  return result;
}

// A training starts over where what a former attempt left can't be gone on with.
void prepare_model_folder(const fs::path& folder, const JobSpec& spec, Report& report) {
  ResumeFolder former(folder);
  std::error_code ignored;
  if (!former.is_used()) {
    fs::remove_all(folder, ignored);
    return;
  }
  try {
    former.require_same_specification(specification_identity(spec));
  } catch (const Error& error) {
    report.warning("the training starts over: {}", error.what());
    fs::remove_all(folder, ignored);
  }
}

Json outputs_of(const std::vector<TableOutput>& outputs, const std::vector<EmbeddingsOutput>& embeddings) {
  Json told = Json::array();
  for (size_t i = 0; i < outputs.size(); ++i) {
    Json output{{"role", i == 0 ? "predictions" : "embeddings"}};
    output.update(output_json(outputs[i].target));
    output["rows"] = outputs[i].table->rows;
    if (i > 0) output["entity_table"] = embeddings[i - 1].entity_table;
    if (i > 0) output["column"] = embeddings[i - 1].column;
    told.push_back(std::move(output));
  }
  return told;
}

// Another process may have the database open for a moment.
void predict_when_free(const JobSpec& spec, const PredictRequest& request, const RunContext& run,
                       const RequestContext& context) {
  for (int attempt = 1;; ++attempt) try {
      run_predict(spec, request, run);
      return;
    } catch (const Error& error) {
      const bool busy = error.code() == ErrorCode::kIo &&
                        std::string_view(error.what()).find("in use by another process") != std::string::npos;
      if (!busy || attempt == kLockAttempts || context.cancel.requested()) throw;
      if (attempt == 1) context.report.info("{}; waiting for it", error.what());
      std::this_thread::sleep_for(kLockPause);
    }
}

Json settle(const JobRequest& request) {
  if (!request.output) return Json::object();
  return OutputCommit(request, {}).settle().value_or(Json::object());
}

}  // namespace

void add_metrics(const std::vector<SplitScore>& scores, bool with_test, Json& result) {
  for (const SplitScore& score : scores) {
    if (score.split != "validation" && !(with_test && score.split == "test")) continue;
    result[score.split + "_metrics"] = metrics_json(score.metrics);
    result[score.split + "_baselines"] = baselines_json(score.baselines);
  }
}

Json run_fit_request(const JobRequest& request, const RequestContext& context) {
  const fs::path model = request.job_folder / kJobModelFolder, done = request.job_folder / kFitFile;
  if (std::optional<Json> former = read_json_file(done)) {
    ResumeFolder(model).remove();
    return *former;
  }
  const JobSpec spec = spec_of(request, context, true);
  require_for(request.action, spec, request.options);
  prepare_model_folder(model, spec, context.report);
  ThreadPool pool(threads_of(request, spec));
  Json result;
  FitRequest fit{.model_folder = model, .resume = true};
  fit.finished = [&](const FitOutcome& outcome) {
    result = fit_result(outcome, request.options.compute_test_metrics);
    write_json_file(done, result);
  };
  const FitOutcome outcome = run_fit(spec, fit, context.report.hooks(), run_context(pool, context));
  if (outcome.interrupted) fail(ErrorCode::kInterrupted, "stopped after {} epochs", outcome.epochs);
  if (context.kill_point) context.kill_point("fit-done");
  return result;
}

Json run_predict_request(const JobRequest& request, const RequestContext& context) {
  const bool trained = request.action == JobAction::kFitPredict;
  const JobSpec spec = spec_of(request, context, !trained);
  require_for(request.action, spec, request.options);
  make_output_folder(request.output->target);
  const OutputCommit commit(request, context.kill_point);
  Json result = Json::object();
  PredictRequest predict;
  predict.model_folder = trained ? request.job_folder / kJobModelFolder : request.model_folder;
  predict.output = request.output->target;
  predict.flatten = request.output->flatten || spec.output.flatten;
  predict.entities_base = request.base_folder;
  predict.replace = request.options.overwrite;
  ThreadPool pool(threads_of(request, spec));
  const RunContext run = run_context(pool, context);
  if (trained) result = *read_json_file(request.job_folder / kFitFile);
  if (!trained && request.options.compute_test_metrics) {
    const std::vector<SplitScore> scores = run_evaluate(spec, predict.model_folder, {"test"}, run);
    if (!scores.empty()) result["metric"] = scores[0].metric;
    add_metrics(scores, true, result);
  }
  std::vector<EmbeddingsOutput> embeddings;
  if (request.options.extract_embeddings) embeddings = embeddings_outputs(predict.output, *spec.task);
  for (const EmbeddingsOutput& output : embeddings) predict.embeddings.push_back(output.target);
  Json told;
  predict.write_options = [&](const std::vector<TableOutput>& outputs) {
    if (context.kill_point) context.kill_point("before-output");
    told = {{"result", result}, {"outputs", outputs_of(outputs, embeddings)}};
    return commit.begin(told);
  };
  predict_when_free(spec, predict, run, context);
  return told;
}

Json run_request(const JobRequest& request, const RequestContext& context) {
  switch (request.action) {
    case JobAction::kCheck:
      return check_request(request, context);
    case JobAction::kSettle:
      return settle(request);
    case JobAction::kDescribe:
      return describe_source(request, context);
    case JobAction::kExport:
      copy_output(output_of_json(request.exported), request.file,
                  request.exported.value("role", "") == "embeddings");
      return Json::object();
    case JobAction::kFit:
      return {{"result", run_fit_request(request, context)}, {"outputs", Json::array()}};
    default:
      break;
  }
  RLE_CHECK(request.output.has_value());
  if (std::optional<Json> former = OutputCommit(request, {}).settle()) {
    context.report.info("a former attempt has written the output: {}", request.output->target.display());
    return *former;
  }
  if (request.action == JobAction::kFitPredict) run_fit_request(request, context);
  return run_predict_request(request, context);
}

}  // namespace rle
