// What decides a training's result: the specification, and the content of the data. A run that did not finish
// goes on only where both are the same.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "job/job_spec.h"
#include "job/load_data.h"
#include "train/dataset.h"

namespace rle {

struct RunIdentity {
  nlohmann::ordered_json specification;  // known before rows are read
  nlohmann::ordered_json data;           // rows and checksum of each table and split

  std::string checksum() const;
};

// Task, tables and configuration, without what changes no result: sources, threads, output, checkpoints.
nlohmann::ordered_json specification_identity(const JobSpec& spec);

// Tables in canonical order.
nlohmann::ordered_json tables_identity(const std::vector<Table>& tables);
// Of the splits that decide the result: train, validation.
nlohmann::ordered_json labels_identity(const Dataset& dataset);

// "config.lr is 0.01 and was 0.005", a line each, at most `most` of them and one that counts the rest.
std::vector<std::string> json_differences(const nlohmann::ordered_json& then,
                                          const nlohmann::ordered_json& now, size_t most = 8);

}  // namespace rle
