#include "server/submission.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "base/error.h"
#include "job/job_request.h"
#include "server/problem.h"
#include "server/state_tables.h"

namespace rle {
namespace {
namespace fs = std::filesystem;

constexpr size_t kMaxEngineName = 64, kMaxExperimentName = 700;

Problem invalid(const std::string& field, const std::string& detail, const std::string& advice = "") {
  return {422, "invalid-request", field.empty() ? detail : fmt::format("{}: {}", field, detail), field,
          advice};
}

// The errors of the job layer as problems. `name`: of what is wrong there.
template <typename Work>
auto checked(const char* name, Work&& work, const std::string& field = "") {
  try {
    return work();
  } catch (const Error& error) {
    throw Problem(422, name, error.what(), error.field().empty() ? field : error.field());
  }
}

void check_options(const Json& request, const JobOptions& options) {
  for (const auto& [name, wanted] : {std::pair("overwrite", options.overwrite),
                                     std::pair("extract_embeddings", options.extract_embeddings)})
    if (wanted && !request.contains("output"))
      throw invalid(fmt::format("options.{}", name), "this kind of job writes no output; take it out");
}

// A name that all ways to write the same place share: links followed, schema and table without case.
std::string output_place(const OutputTarget& target) {
  std::error_code error;
  const fs::path real = fs::weakly_canonical(target.file, error);
  const std::string file = (error ? target.file : real).string();
  if (target.kind != OutputTarget::Kind::kDuckdbTable) return file;
  return fmt::format("{}::{}", file,
                     folded((target.schema.empty() ? "main" : target.schema) + "." + target.table));
}

void check_model(Submission& submission, const HostFolders& folders) {
  const Json& request = submission.request;
  if (submission.kind != JobKind::kPredict) {
    if (request.contains("model") && !request["model"].is_null())
      throw invalid("model", fmt::format("a {} job trains its own; take it out", to_string(submission.kind)));
    return;
  }
  if (!request.contains("model") || !request["model"].is_object())
    throw invalid("model", "is missing: a predict job needs {\"run_id\": ID}");
  require_members(request["model"], "model", {"run_id"});
  submission.model_run_id =
      checked_uuid(text_member(request["model"], "run_id", "model.run_id", ""), "model.run_id");
  std::error_code ignored;
  if (!fs::exists(folders.model(submission.model_run_id) / "model.safetensors", ignored))
    throw invalid("model.run_id",
                  fmt::format("there is no trained model of a job {}", submission.model_run_id),
                  "name a job of kind fit or fit_predict that is COMPLETED");
}

void check_output(Submission& submission, const DataRoots& roots, bool overwrite) {
  const Json& request = submission.request;
  const bool given = request.contains("output") && !request["output"].is_null();
  if (submission.kind == JobKind::kFit) {
    if (given) throw invalid("output", "a fit job writes none; take it out");
    return;
  }
  if (!given)
    throw invalid("output", fmt::format("is missing: a {} job needs one", to_string(submission.kind)));
  const JobOutput output =
      checked("invalid-request", [&] { return read_job_output(request["output"], roots.base()); });
  const bool table = output.target.kind == OutputTarget::Kind::kDuckdbTable;
  roots.require_inside(output.target.file.string(), table ? "output.database" : "output.folder");
  submission.output = output_place(output.target);
  submission.overwrite = overwrite;
}

}  // namespace

void require_members(const Json& object, const std::string& field, const std::vector<std::string>& known) {
  if (!object.is_object()) throw invalid(field, "expected an object");
  for (const auto& [key, value] : object.items())
    if (std::find(known.begin(), known.end(), key) == known.end())
      throw invalid(field.empty() ? key : field + "." + key, "unknown key" + suggestion(key, known));
}

std::string text_member(const Json& object, const char* key, const std::string& field,
                        const std::string& fallback) {
  if (!object.contains(key) || object[key].is_null()) return fallback;
  if (!object[key].is_string() || !is_utf8_text(object[key].get_ref<const std::string&>()))
    throw invalid(field, "expected a text");
  return object[key];
}

Problem output_is_taken(const std::string& detail) {
  return Problem(409, "conflict", detail, kTakenOutput, "take another alias, or ask for overwrite");
}

Submission take_secrets(const Json& request) {
  if (!request.is_object()) throw invalid("", "expected an object: {\"kind\": ..., \"spec\": {...}}");
  Submission out;
  out.request = request;
  if (!request.contains("secrets")) return out;
  out.request.erase("secrets");
  if (request["secrets"].is_null()) return out;
  if (!request["secrets"].is_object()) throw invalid("secrets", "expected an object");
  if (!request["secrets"].empty()) out.secrets = request["secrets"];
  return out;
}

void check_submission(Submission& submission, const DataRoots& roots, const HostFolders& folders) {
  const Json& request = submission.request;
  require_members(request, "", {"kind", "engine", "spec", "model", "output", "options", "experiment_name"});
  const std::string kind = text_member(request, "kind", "kind", "");
  const std::optional<JobKind> known = job_kind_of(kind);
  if (!known) throw invalid("kind", fmt::format("expected fit, predict or fit_predict, found '{}'", kind));
  submission.kind = *known;
  submission.engine = text_member(request, "engine", "engine", "default");
  check_engine_name(submission.engine);
  submission.experiment_name = text_member(request, "experiment_name", "experiment_name", "");
  if (submission.experiment_name.size() > kMaxExperimentName)
    throw invalid("experiment_name", fmt::format("longer than {} bytes", kMaxExperimentName));
  if (!request.contains("spec") || !request["spec"].is_object())
    throw invalid("spec", "is missing: the specification, an object");
  const JobOptions options =
      checked("invalid-request", [&] { return read_job_options(request.value("options", Json())); });
  check_options(request, options);
  const JobSpec spec =
      checked("invalid-specification", [&] { return read_request_spec(request["spec"], roots.base()); });
  checked("invalid-specification", [&] {
    const JobAction action = submission.kind == JobKind::kFit       ? JobAction::kFit
                             : submission.kind == JobKind::kPredict ? JobAction::kPredict
                                                                    : JobAction::kFitPredict;
    require_for(action, spec, options);
    return true;
  });
  roots.require_inside(spec);
  check_model(submission, folders);
  check_output(submission, roots, options.overwrite);
}

void check_engine_name(const std::string& name) {
  const auto allowed = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '-'; };
  const bool starts =
      !name.empty() && (std::isalpha(static_cast<unsigned char>(name[0])) != 0 || name[0] == '_');
  if (!starts || name.size() > kMaxEngineName || !std::all_of(name.begin(), name.end(), allowed))
    throw invalid(
        "name",
        fmt::format("expected the name of an engine: 1 to {} of A-Z a-z 0-9 _ -, the first a letter or _",
                    kMaxEngineName));
}

std::string checked_uuid(const std::string& text, const std::string& field) {
  std::string out = text;
  bool good = text.size() == 36;
  for (size_t i = 0; good && i < out.size(); ++i) {
    out[i] = static_cast<char>(std::tolower(static_cast<unsigned char>(out[i])));
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    good = dash ? out[i] == '-' : std::isxdigit(static_cast<unsigned char>(out[i])) != 0;
  }
  if (!good) throw invalid(field, "expected a UUID, such as 123e4567-e89b-42d3-a456-426614174000");
  return out;
}

std::string new_uuid() {
  std::array<unsigned char, 16> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    fail(ErrorCode::kIo, "the system gives no random bytes");
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3f) | 0x80);
  std::string out;
  for (size_t i = 0; i < bytes.size(); ++i)
    out += fmt::format("{}{:02x}", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", bytes[i]);
  return out;
}

}  // namespace rle
