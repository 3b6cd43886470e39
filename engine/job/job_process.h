// The body of `rle job`: one child process of the engine host, from the document on its standard input to the
// last event.
#pragma once

#include "job/output_commit.h"

namespace rle {

// Reads the document from `input` to its end, writes events to `events`. SIGTERM asks it to stop, SIGINT is
// ignored. Returns the process's exit code: 0 where it told a result or stopped when asked to, 1 where it
// told an error. Once in a process.
int run_job_process(int input, int events, const KillPoint& kill_point = {});

}  // namespace rle
