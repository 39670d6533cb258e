"""Help for the tests of plugins and sites. Import the modules: nothing is imported here."""
