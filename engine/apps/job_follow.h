// The events of a job of a host, as lines for a person or as JSON lines.
#pragma once

#include <string>

#include "apps/app.h"
#include "apps/host_address.h"

namespace rle {

// Prints them; with `follow` until the job is final, over broken connections too. Returns the last state
// told,
// "" where none was.
std::string print_events(const HostApi& api, const std::string& job, bool follow, Globals& globals);

}  // namespace rle
