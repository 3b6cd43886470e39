// The JSON description inside a checkpoint. Internal to train/.
#pragma once

#include <string>

#include "train/checkpoint.h"

namespace rle {

// Everything of the model but its parameters and vocabularies. Keys are sorted; equal models have equal
// texts.
std::string describe_model(const TrainedModel& trained);

// The reverse. Throws Error{kIo} where something is missing or of another kind; `name` stands for the file.
TrainedModel parse_description(const std::string& text, const std::string& name);

}  // namespace rle
