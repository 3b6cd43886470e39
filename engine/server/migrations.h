// The form of state.sqlite, and the steps that bring an older one to it. PRAGMA user_version counts the
// steps.
#pragma once

#include "server/sqlite.h"

namespace rle {

// How many steps there are: the version that this program writes.
int64_t state_version();

// Takes the steps that are missing, each in a transaction with its version. Error{kSpec}: a newer program
// wrote it.
void migrate(const SqliteConnection& connection);

}  // namespace rle
