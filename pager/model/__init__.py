"""The nouns: frozen values without behaviour beyond their own shape. One file each."""
