# git-lattice @VERSION@: completions for PowerShell, made by `git lattice completions powershell`.

$GitLatticeCompleter = {
    param($wordToComplete, $commandAst, $cursorPosition)

    $words = @(
        $commandAst.CommandElements | Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object {
            if ($_ -is [System.Management.Automation.Language.StringConstantExpressionAst]) { $_.Value } else { $_.Extent.Text }
        }
    )
    $skip = 1
    if ([System.IO.Path]::GetFileNameWithoutExtension($words[0]) -eq 'git') {
        if ($words.Count -lt 2 -or $words[1] -ne 'lattice') { return }
        $skip = 2
    }
    $words = @($words | Select-Object -Skip $skip) + "=$wordToComplete"
    $status = $global:LASTEXITCODE
    $lines = @(git-lattice complete powershell -- @words 2>$null)
    $global:LASTEXITCODE = $status
    # Where there is nothing, PowerShell completes the names of files.
    foreach ($line in $lines) {
        $value, $help = $line.Split("`t", 2)
        if (-not $help) { $help = $value }
        [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $help)
    }
}

Register-ArgumentCompleter -Native -CommandName git-lattice -ScriptBlock $GitLatticeCompleter
# A command has one completer: posh-git keeps that of `git`.
if (-not (Get-Module posh-git)) {
    Register-ArgumentCompleter -Native -CommandName git -ScriptBlock $GitLatticeCompleter
}
