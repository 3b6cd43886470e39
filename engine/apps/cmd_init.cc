#include "apps/app.h"
namespace rle {
void add_init(CLI::App&, Globals&) {}
}  // namespace rle
