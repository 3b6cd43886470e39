// Reading the JSON of v1alpha1 clients: members by name, with errors in the words that these clients look for
// ("not found", "unsupported", "missing required" become their ValidationError).
#pragma once

#include <initializer_list>
#include <string>

#include "server/problem.h"
#include "server/records.h"

namespace rle::v1alpha1 {

// The payload of a request: newer clients wrap it as {"user": payload, "system": {...}}. Problem 400 where it
// is no object.
const Json& payload_of(const Json& body);

// The member, or nullptr where it is absent or null.
const Json* find(const Json& object, const std::string& key);

// Problem 422 "missing required ..." where it is absent or null; path is that of the object, for messages.
const Json& require(const Json& object, const std::string& path, const std::string& key);
std::string require_text(const Json& object, const std::string& path, const std::string& key);
// A list of objects; an absent one is empty.
const Json& list(const Json& object, const std::string& path, const std::string& key);

// Problem 422 naming the first member that is none of `known`, and the nearest that is.
void check_members(const Json& object, const std::string& path, std::initializer_list<const char*> known);

[[noreturn]] void refuse(const std::string& path, const std::string& what);
[[noreturn]] void unsupported(const std::string& path, const std::string& what);

// The text of {"detail": text}: with the words that clients go by.
std::string detail_of(const Problem& problem);

}  // namespace rle::v1alpha1
