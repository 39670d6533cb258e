HELP="x"
def add_arguments(p): pass
def execute(o): return 0
