// The JSON description inside a checkpoint, and the parts of it that say what a training was asked for.
#pragma once

#include <string>

#include "train/checkpoint.h"

namespace rle {

// Everything of the model but its parameters and vocabularies. Keys are sorted; equal models have equal
// texts.
std::string describe_model(const TrainedModel& trained);

// As in describe_model: keys, target, times; no sources.
std::string describe_task(const TaskSpec& task);
// All that decides the result beside the data.
std::string describe_config(const TrainConfig& config);

// The reverse of describe_model. Throws Error{kIo} where something is missing or of another kind; `name`
// stands for the file.
TrainedModel parse_description(const std::string& text, const std::string& name);

}  // namespace rle
