// A request for a job, from JSON that anyone may have sent to a record that may be queued.
#pragma once

#include <string>

#include "server/data_roots.h"
#include "server/job_document.h"
#include "server/problem.h"
#include "server/records.h"

namespace rle {

struct Submission {
  JobKind kind = JobKind::kFit;
  std::string engine;  // as named; "default"
  std::string experiment_name;
  std::string model_run_id;  // of a predict
  Json request;              // as submitted, without secrets
  Json secrets;              // null: none
  std::string output;        // the place it writes to, by one name; empty: none
  bool overwrite = false;    // what is there is replaced
};

// Splits the secrets off a request. Problem{invalid-request}: no object, or secrets that are none.
Submission take_secrets(const Json& request);

// All that the request alone tells, and the file system about its paths. Fills the submission. Problem with
// the field: invalid-request, invalid-specification, not-built, not-found. Whether the output is there
// already is for the child that opens sources and databases (job/check_request.cc), and for the run again:
// it may come to be there while the job waits.
void check_submission(Submission& submission, const DataRoots& roots, const HostFolders& folders);

// 409: the output is there already.
Problem output_is_taken(const std::string& detail);

// 1 to 64 of A-Z a-z 0-9 _ -, the first a letter or _. Problem{invalid-request}.
void check_engine_name(const std::string& name);

// A UUID as it is kept: lower case. Problem{invalid-request} for anything else.
std::string checked_uuid(const std::string& text, const std::string& field);
std::string new_uuid();

// A member that is a text, or `fallback` where it is absent or null. Problem{invalid-request}.
std::string text_member(const Json& object, const char* key, const std::string& field,
                        const std::string& fallback);
// Refuses members that are not named. Problem{invalid-request}.
void require_members(const Json& object, const std::string& field, const std::vector<std::string>& known);

}  // namespace rle
