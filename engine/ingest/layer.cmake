# ADBC: the driver manager is compiled from the sources inside its Python wheel (`make setup` installs the pinned version),
# as a library of its own without our warnings. DuckDB is loaded at run time (duckdb_library.h).
set(rle_python ${PROJECT_SOURCE_DIR}/.venv/bin/python)
if(NOT EXISTS ${rle_python})
  message(FATAL_ERROR "There is no .venv in ${PROJECT_SOURCE_DIR}: run `make setup` first.")
endif()
execute_process(
  COMMAND ${rle_python} -c
          "import importlib.util as u; print(u.find_spec('adbc_driver_manager').submodule_search_locations[0])"
  OUTPUT_VARIABLE rle_adbc RESULT_VARIABLE rle_adbc_failed OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(rle_adbc_failed OR NOT EXISTS ${rle_adbc}/arrow-adbc/adbc.h)
  message(FATAL_ERROR "adbc-driver-manager is not in .venv: run `make setup` first.")
endif()
file(GLOB rle_adbc_sources ${rle_adbc}/adbc_driver_manager*.cc)
list(FILTER rle_adbc_sources EXCLUDE REGEX "_blocking_impl\\.cc$")
add_library(rle_adbc_driver_manager STATIC ${rle_adbc_sources})
target_include_directories(rle_adbc_driver_manager SYSTEM PUBLIC ${rle_adbc})
target_compile_options(rle_adbc_driver_manager PRIVATE -w)
target_link_libraries(rle_adbc_driver_manager PUBLIC ${CMAKE_DL_LIBS} Threads::Threads)

if(TARGET rle_ingest)
  target_link_libraries(rle_ingest PRIVATE rle_adbc_driver_manager)
  set_source_files_properties(
    ${PROJECT_SOURCE_DIR}/engine/ingest/duckdb_library.cc PROPERTIES COMPILE_DEFINITIONS
    RLE_DUCKDB_DEFAULT="${PROJECT_SOURCE_DIR}/node_modules/@duckdb/node-bindings-linux-x64/libduckdb.so")
endif()
