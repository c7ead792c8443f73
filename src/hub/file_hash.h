// SHA-256 of a file, without reading it again where the hash is known.
#ifndef BGE_HUB_FILE_HASH_H_
#define BGE_HUB_FILE_HASH_H_

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace bge {

/// Where hashes of large files are kept: bge/sha256 in CacheHomeDir().
std::filesystem::path HashCacheDir();

/// The hash in 64 hexadecimal digits, of a large file whose content is known without reading it:
/// - a link from HubCacheDir()/models--X/snapshots/ to the folder blobs/ of the same models--X,
///   where its name is 64 hexadecimal digits, has that name: so does huggingface_hub name large
///   files. Links elsewhere prove nothing: anybody can make a folder blobs/;
/// - one that was hashed before, by this process or one that could keep it, and has the same
/// device,
///   inode, size and times of change since.
/// nullopt for others.
std::optional<std::string> FindFileHash(const std::filesystem::path& file);

/// The same, else hashes the file, and, where it is large, keeps the hash in HashCacheDir() for the
/// next time, unless it was changed less than kRacySeconds before `now`; that it cannot be kept is
/// no error. Error(kNotFound, kIo).
std::string FileHash(const std::filesystem::path& file,
                     std::chrono::system_clock::time_point now = std::chrono::system_clock::now());

/// A file system may count time in steps of up to two seconds (FAT): a file that was just changed
/// can change once more and keep its times. (Git calls such an entry racy.)
inline constexpr int64_t kRacySeconds = 3;

/// Files below this are hashed whenever asked for, and leave nothing behind.
inline constexpr uintmax_t kMinCachedHashBytes = 4 << 20;

}  // namespace bge

#endif  // BGE_HUB_FILE_HASH_H_
