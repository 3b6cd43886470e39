find_package(SQLite3 REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
target_link_libraries(rle_server PUBLIC nlohmann_json::nlohmann_json PRIVATE SQLite::SQLite3 OpenSSL::Crypto)
target_compile_definitions(rle_server PRIVATE RLE_VERSION="${PROJECT_VERSION}")
target_precompile_headers(rle_server PRIVATE <nlohmann/json.hpp>)

# The documents that the host serves are part of it: schema/*.json as text in a source.
set(rle_schemas ${PROJECT_SOURCE_DIR}/schema/openapi.json ${PROJECT_SOURCE_DIR}/schema/job.schema.json)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${rle_schemas})
file(READ ${PROJECT_SOURCE_DIR}/schema/openapi.json rle_openapi_json)
file(READ ${PROJECT_SOURCE_DIR}/schema/job.schema.json rle_job_schema_json)
configure_file(${CMAKE_CURRENT_LIST_DIR}/schemas.cc.in ${PROJECT_BINARY_DIR}/schemas.cc @ONLY)
target_sources(rle_server PRIVATE ${PROJECT_BINARY_DIR}/schemas.cc)
