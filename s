/kick Bob be nice
/quit
