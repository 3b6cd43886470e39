// The program `rle`.
#include "apps/rle_main.h"

int main(int argc, char** argv) { return rle_main(argc, argv); }
