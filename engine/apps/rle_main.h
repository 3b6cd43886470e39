// The command line as a function: the one that librle.so exports.
#pragma once

// What `rle` does with these arguments; returns its exit code. Sets the process's signal handlers. Once.
extern "C" int rle_main(int argc, char** argv);
