// For tests: a folder of its own, removed at the end, and files in it made by SQL or from text.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/report.h"
#include "base/temporary_folder.h"
#include "ingest/duckdb_session.h"
#include "ingest/source.h"

namespace rle::ingest {

class FolderTest : public ::testing::Test {
 protected:
  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  void text(const std::string& name, const std::string& content) const {
    std::filesystem::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name, std::ios::binary) << content;
  }
  std::string content(const std::string& name) const {
    std::ostringstream out;
    out << std::ifstream(folder_ / name, std::ios::binary).rdbuf();
    return out.str();
  }
  // Statements in a DuckDB in memory; {} in them is the folder.
  void sql(const std::vector<std::string>& statements) const {
    Connection connection = open_duckdb();
    for (std::string statement : statements) {
      for (size_t at; (at = statement.find("{}")) != std::string::npos;)
        statement.replace(at, 2, folder_.string());
      connection.execute(statement);
    }
  }
  void parquet(const std::string& name, const std::string& select) const {
    sql({"COPY (" + select + ") TO '{}/" + name + "' (FORMAT parquet)"});
  }

  std::vector<std::string> entries() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_))
      names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
  }

  TableSchema schema(const std::string& source) const {
    TableSchema schema;
    schema.name = "things";
    schema.source = source;
    return schema;
  }
  Table read(const TableSchema& schema, const std::vector<std::string>& times = {}) {
    SourceReader reader(folder_);
    return reader.read(schema, reader.used_columns(schema, report_), times, report_);
  }
  Table read(const std::string& source, const std::vector<std::string>& times = {}) {
    return read(schema(source), times);
  }

  TemporaryFolder temporary_;
  const std::filesystem::path folder_ = temporary_.path();
  ReportLines report_;
};

// A column as its displayed rows.
inline std::vector<std::string> shown(const Column& column) {
  std::vector<std::string> rows;
  for (int64_t row = 0; row < column.rows; ++row) rows.push_back(column.display(row));
  return rows;
}

inline void expect_error(ErrorCode code, const std::vector<std::string>& parts,
                         const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    for (const std::string& part : parts) {
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos)
          << "no '" << part << "' in: " << error.what();
    }
    return;
  }
  ADD_FAILURE() << "no error";
}

}  // namespace rle::ingest
