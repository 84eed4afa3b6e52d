import ArgumentParser
import Glibc

/// `fetchctl completion`.
struct CompletionCommand: ParsableCommand {
    enum Shell: String, ExpressibleByArgument, CaseIterable {
        case bash
        case zsh
        case fish
    }

    static let configuration = CommandConfiguration(
        commandName: "completion", abstract: "Print a script that completes fetchctl's commands in a shell.",
        discussion: """
            For bash: fetchctl completion bash > ~/.local/share/bash-completion/completions/fetchctl
            For zsh: fetchctl completion zsh > a folder of $fpath, as _fetchctl
            For fish: fetchctl completion fish > ~/.config/fish/completions/fetchctl.fish
            """)

    @Argument(help: "The shell.") var shell: Shell

    func run() throws {
        let completion: CompletionShell =
            switch shell {
            case .bash: .bash
            case .zsh: .zsh
            case .fish: .fish
            }
        Output.write(Fetchctl.completionScript(for: completion) + "\n", to: STDOUT_FILENO)
    }
}
