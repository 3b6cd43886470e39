// The sections of a specification, each read from its part of the tree into JobSpec; called by parse_job_spec
// in this order.
#pragma once

#include <string>

#include "job/job_spec.h"
#include "job/spec_reader.h"

namespace rle {

// A dataset's or task's name: not empty, at most 200 characters, without "/".
std::string name_of(const SpecValue& value);

// A source as SourceReader takes it: inside data.source (a folder or a database) unless it stands for itself.
std::string resolve_source(const std::string& data_source, const std::string& source);

// The columns of a table that others may point to: its primary key, then its candidate keys.
std::vector<std::string> key_names(const TableSchema& table);

// tables: keys, columns and links between tables are checked as far as the specification alone tells.
void read_tables(const SpecValue& value, const std::string& data_source, JobSpec& spec);

void read_task(const SpecValue& value, const std::string& data_source, JobSpec& spec);

// A key of the config section that stands at the top of the document is refused, naming its place.
void refuse_misplaced_config(const SpecNode& document);

// The preset, then every key over it.
void read_config(const SpecValue& value, JobSpec& spec);

// What several sections decide together: the metric's default, the entity, times on both sides, the target
// among the features.
void check_task(const SpecObject& root, JobSpec& spec);

// Whether a table has the column among its features, as far as the specification tells.
bool uses_as_feature(const TableSchema& table, const std::string& column);

// Why the target must not be taken from this label table: it is a table of the graph too, which uses the
// target as a feature, or whose foreign key it is. Empty: it may.
std::string leak_of_target(const JobSpec& spec, const std::string& source);

// Options that would be accepted and ignored beside the others: refused, or one of spec.warnings.
void check_rules(const SpecObject& root, JobSpec& spec);

}  // namespace rle
