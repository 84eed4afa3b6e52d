internal import Core
internal import Glibc
internal import Platform

/// Why there is no local socket at a path.
package struct LocalSocketError: Error, Sendable, CustomStringConvertible {
    package var path: String
    package var reason: String

    package var description: String { "local socket \(path): \(reason)" }
}

/// A local socket that listens at a path, for this user and root alone.
///
/// Its file is 0600; its folder is made, 0700, when it is missing. A file that a service left behind is replaced, one at
/// which somebody listens never is, nor anything that is no socket.
package final class LocalListener: Sendable {
    /// Where it is.
    package let path: String
    let descriptor: SharedDescriptor
    /// The file that we made, by which it is known again.
    private let file: FileStatus

    /// Listens.
    ///
    /// - Parameter path: An absolute path, of any length.
    /// - Throws: ``LocalSocketError``.
    package init(path: String) throws(LocalSocketError) {
        self.path = path
        do {
            try Self.makeFolder(of: path)
            try Self.removeStale(path)
            let socket = SharedDescriptor(adopting: try Kernel.localSocket())
            // Before it has a name, so that there is no moment in which others could connect.
            try Kernel.fchmod(socket.raw, 0o600)
            try Kernel.bindLocal(socket.raw, path)
            try Kernel.listen(socket.raw, backlog: 64)
            guard let file = try Kernel.statusOfLink(path) else {
                throw SystemError(call: "bind \(path)", code: ENOENT)
            }
            descriptor = socket
            self.file = file
        } catch let error as LocalSocketError {
            throw error
        } catch {
            throw LocalSocketError(path: path, reason: "\(error)")
        }
    }

    /// Refuses connections from now on and removes the file, unless it is somebody else's by now.
    package func close() {
        Kernel.shutdownBoth(descriptor.raw)
        guard let now = try? Kernel.statusOfLink(path), now.inode == file.inode, now.device == file.device else {
            return
        }
        _ = try? Kernel.unlinkIfPresent(path)
    }

    private static func makeFolder(of path: String) throws(SystemError) {
        guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return }
        var end = path.index(after: path.startIndex)
        while end <= slash {
            end = path[end...].firstIndex(of: "/") ?? slash
            try Kernel.mkdir(String(path[..<end]), mode: 0o700)
            end = path.index(after: end)
        }
    }

    /// Removes the file of a service that did not end orderly.
    private static func removeStale(_ path: String) throws {
        guard let status = try Kernel.statusOfLink(path) else { return }
        guard status.isSocket else {
            throw LocalSocketError(
                path: path, reason: "there is something else at this path; remove it or choose another")
        }
        let socket = try Kernel.localSocket()
        do throws(SystemError) {
            try socket.withRaw { (number) throws(SystemError) in try Kernel.connectLocal(number, path) }
        } catch {
            switch error.code {
            case ECONNREFUSED:
                try Kernel.unlinkIfPresent(path)
                return
            case ENOENT: return
            // So many wait there already that nobody more can.
            case EAGAIN: break
            default: throw error
            }
        }
        throw LocalSocketError(
            path: path, reason: "another service listens there; stop it or choose another path")
    }
}
