# The description inside a checkpoint is JSON.
find_package(nlohmann_json 3.10 REQUIRED)
target_link_libraries(rle_train PRIVATE nlohmann_json::nlohmann_json)
