# safetensors headers are JSON.
find_package(nlohmann_json 3.10 REQUIRED)
target_link_libraries(rle_nn PRIVATE nlohmann_json::nlohmann_json)
