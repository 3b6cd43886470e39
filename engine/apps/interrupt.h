// SIGINT and SIGTERM ask the work to stop; a second one ends the process at once.
#pragma once

#include "base/cancel.h"

namespace rle {

// `token` must outlive the process's signal handling; called once.
void stop_on_interrupt(CancelToken& token);

}  // namespace rle
