// The document of GET /openapi.json: schema/openapi.json, with the specification's schema
// (schema/job.schema.json) put into it, so that each reference is to a place in it.
#pragma once

#include <string>

namespace rle {

const std::string& openapi_text();

}  // namespace rle
