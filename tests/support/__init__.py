"""What tests share: models, graphs, references and loaders; no tests here."""
