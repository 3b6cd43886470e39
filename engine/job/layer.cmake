find_package(yaml-cpp REQUIRED)
find_package(nlohmann_json REQUIRED)
target_link_libraries(rle_job PUBLIC nlohmann_json::nlohmann_json PRIVATE yaml-cpp)
target_precompile_headers(rle_job PRIVATE <nlohmann/json.hpp>)
# What a run that did not finish was begun with.
target_compile_definitions(rle_job PRIVATE RLE_VERSION="${PROJECT_VERSION}")
