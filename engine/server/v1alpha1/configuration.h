// model_configuration of v1alpha1 clients to `config`, `model`, `output` and `options` of our requests.
#pragma once

#include <string>

#include "server/records.h"

namespace rle::v1alpha1 {

// specification["config"] of a model_configuration, for a task of the specification. Parameters that clients
// send as constants are checked to be what the engine computes. Clients never send clamp bounds: null there.
// The text embedder's name counts as not given. Problem 422 names the parameter.
Json config_of(const Json& configuration, const Json& specification);

// As above without a task: for VALIDATE_CONFIG of a model_config alone.
Json config_of(const Json& configuration);

// ADD_INFERENCE_EXPORT: the configuration that came with the request, with what it says of prediction and
// export added ("inference", "export"); everything else, "experiment" too, exactly as sent.
Json with_inference_export(const Json& payload);

// What with_inference_export added, in the forms of POST /v1/jobs; absent members where nothing was added.
struct Inference {
  Json model, output, options;
};
Inference inference_of(const Json& configuration);

}  // namespace rle::v1alpha1
