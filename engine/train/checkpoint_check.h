// Whether the parts of a checkpoint agree with each other, so that nothing behind it has to ask. Internal to
// train/.
#pragma once

#include <string>

#include "train/checkpoint.h"

namespace rle {

// What contradicts what, as the end of a sentence; "" where nothing does. Looks at everything but the
// parameters: restore_model compares those with the definition.
std::string contradiction(const TrainedModel& trained);

// Whether both have the same node types and edge types, whatever their counts.
bool same_types(const GraphSchema& a, const GraphSchema& b);

}  // namespace rle
